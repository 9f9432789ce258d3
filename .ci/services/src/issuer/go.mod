module issuer

go 1.26.0
