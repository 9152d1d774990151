module hawser.bench/gohawser

go 1.19

require hawser.org/hawser v0.1.0

replace hawser.org/hawser => ../../../bindings/go
