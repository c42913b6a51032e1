module go-runtime

go 1.24

require loglift v0.1.0

replace loglift => ../../../guest-sdk/go
