module hawser.org/hawser

go 1.19
