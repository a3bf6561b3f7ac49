"""Statistics on the manifold: means, walks, Gaussians, clusters."""
