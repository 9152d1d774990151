# frozen_string_literal: true

# connect and serve under the scheduler that people use: the gem async.

begin
  require "async"
rescue LoadError
  puts "skipped: the gem async is not here"
  exit 77
end
require_relative "support"

class AsyncTest < Minitest::Test
  def test_connections_at_a_time_in_one_thread
    threads, echoes = [], []
    Async do |task|
      server = Hawser.serve(URL) do |ws|
        threads << Thread.current
        ws.each { |message| ws << message }
      end
      clients = Array.new(5) do |number|
        task.async do
          Hawser.connect(server.url) { |ws| 3.times { |round| ws << "#{number} #{round}"; echoes << ws.receive } }
        end
      end
      clients.each(&:wait)
      server.close
    end
    assert_equal [Thread.current], threads.uniq
    assert_equal Array.new(5) { |number| Array.new(3) { |round| "#{number} #{round}" } }.flatten, echoes.sort
  end

  def test_a_wait_may_be_given_up
    Async do |task|
      server = Hawser.serve(URL) { |ws| ws.each { |message| ws << message } }
      Hawser.connect(server.url) do |ws|
        assert_raises(Async::TimeoutError) { task.with_timeout(0.05) { ws.receive } }
        ws << "still there"
        assert_equal "still there", ws.receive
      end
      server.close
    end
  end
end
