"""The messages of the API, made by generate.sh from proto/onced/v1."""
