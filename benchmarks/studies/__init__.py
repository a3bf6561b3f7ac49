"""One module or package for each benchmark."""
