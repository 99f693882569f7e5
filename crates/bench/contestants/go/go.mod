module evlet-bench/go

go 1.19
