# frozen_string_literal: true

require "hawser"
require "minitest/autorun"
require "open3"
require "rbconfig"
require "timeout"

URL = "ws://127.0.0.1:0/"
SANITIZED = ENV.key?("ASAN_OPTIONS")

# A test that hangs says where.
Thread.new do
  sleep 100
  Thread.list.each { |thread| warn thread.inspect, *thread.backtrace }
  exit!(1)
end

# A manager with both ends of a connection.
class Pair
  attr_reader :manager, :client, :server

  def initialize(**numbers)
    options = Hawser::Options.new
    numbers.each { |name, value| options.set_int(name.to_s, value) }
    @manager = Hawser::Manager.new(options)
    listener = manager.listen(URL)
    @client = manager.connect("ws://#{manager.local_address(listener)}/")
    @server = events(Hawser::EVENT_OPEN, 2).map(&:connection).find { |id| id != client }
  end

  def events(kind, count = 1)
    found = []
    found += manager.poll(-1).select { |event| event.kind == kind } while found.size < count
    found
  end

  # What arrives of a message.
  def deliver(opcode, payload)
    manager.send(client, opcode, payload)
    events(Hawser::EVENT_MESSAGE).first.data
  end
end

module Support
  # Another Ruby, with what runs here.
  def ruby(program)
    [RbConfig.ruby, "-I#{File.dirname($LOADED_FEATURES.grep(%r{/hawser\.rb\z}).first)}", "-rhawser", "-e", program]
  end

  # Without those of objects that nothing refers to any more.
  def descriptors
    GC.start
    Dir.children("/proc/self/fd").size
  end

  def assert_code(code, &block)
    assert_equal code, assert_raises(Hawser::Error, &block).code
  end
end
