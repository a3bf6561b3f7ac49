"""Benchmarks of riemann_sampler; ``python -m benchmarks`` lists them."""
