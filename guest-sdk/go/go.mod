module loglift

go 1.24
