"""What bench/run is made of: cases, servers, the load, and one module for each kind of measurement."""
