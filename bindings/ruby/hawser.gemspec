# frozen_string_literal: true

Gem::Specification.new do |spec|
  spec.name = "hawser"
  spec.version = "0.1.0"
  spec.summary = "WebSocket client and server: RFC 6455 and RFC 7692 on libhawser"
  spec.description = "A WebSocket client and server for threads and Fiber schedulers, on the C library libhawser, which has to be installed."
  spec.authors = ["The hawser authors"]
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  spec.requirements = ["libhawser with its headers, found by pkg-config"]
  spec.files = Dir["lib/**/*.rb", "ext/**/*.{rb,c}", "README.md", "LICENSE"]
  spec.extensions = ["ext/hawser/extconf.rb"]
end
