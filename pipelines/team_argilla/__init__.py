"""An Argilla server for a team, in containers: a compose file and its secrets are written here, Docker runs them."""
