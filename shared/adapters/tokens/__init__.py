"""JSON Web Tokens with PyJWT and cryptography."""
