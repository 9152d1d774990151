# frozen_string_literal: true

# The driver of bindings/conformance in Ruby, on the raw layer.

require "hawser"
require "zlib"

SHOWN = 64
NAMES = %i[OPEN MESSAGE DRAIN CLOSE REQUEST PONG].to_h { |name| [Hawser.const_get("EVENT_#{name}"), name.to_s] }
KINDS = { "text" => Hawser::TEXT, "binary" => Hawser::BINARY }.freeze
READERS = %w[path status subprotocol extensions header].freeze

def payload_of(word)
  case word
  when /\A(\d+)\*(.*)\z/m then payload_of($2) * $1.to_i
  when "-" then ""
  when /\Ahex:(.*)\z/ then [$1].pack("H*")
  else word
  end
end

def shown(data)
  return "-" if data.empty?
  return format("crc32:%08x", Zlib.crc32(data)) if data.bytesize > SHOWN

  data.encoding == Encoding::UTF_8 && data.bytes.min >= 32 ? data : "hex:#{data.unpack1("H*")}"
end

def kind_of(word)
  KINDS.fetch(word) { word.to_i }
end

class Driver
  def initialize(url, options)
    @url = url
    @options = @manager = @later = nil
    @ids = {}
    @names = {}
    @batch = []
    options.each { |name, value| set_option(name, value) }
  end

  def run_line(line)
    command, *words = line.split(" ")
    return call(command) { set(*line.split(" ", 3)) } if %w[option add_header].include?(command)

    @manager ||= Hawser::Manager.new(take_options)
    return begin_later(*words) if command == "later"

    respond_to?("do_#{command}", true) ? __send__("do_#{command}", *words) : call(command) { carry_out(command, *words) }
    end_later
  end

  def finish
    @manager&.free
  end

  private

  # ---- words

  def id_of(word)
    @ids.fetch(word) { word.to_i }
  end

  def name_of(id)
    @names[id] || give_name("c#{@ids.count { |name, _| name != "l" } + 1}", id)
  end

  def give_name(name, id)
    @ids[name] = id
    @names[id] = name
  end

  # ---- options

  def set(command, name, value)
    command == "option" ? set_option(name, value) : given_options.add_header(name, value)
  end

  def set_option(name, value)
    value.match?(/\A-?\d+\z/) ? given_options.set_int(name, value.to_i) : given_options.set_text(name, value)
  end

  def given_options
    @options ||= Hawser::Options.new
  end

  def take_options
    options, @options = @options, nil
    options
  end

  # ---- events

  def take
    @batch = @manager.poll(-1) while @batch.empty?
    @batch.shift
  end

  def line_of(event)
    words = [name_of(event.connection), NAMES[event.kind], *words_of(event)]
    words += ["tag", event.tag] if event.tag != 0
    words.join(" ")
  end

  def words_of(event)
    case event.kind
    when Hawser::EVENT_OPEN then event.listener.zero? ? [] : ["l"]
    when Hawser::EVENT_REQUEST then ["l", event.flags & Hawser::UPGRADE != 0 ? "upgrade" : "http"]
    when Hawser::EVENT_MESSAGE then [KINDS.key(event.opcode), *flags(event, first: Hawser::FIRST, final: Hawser::FINAL), *data_of(event)]
    when Hawser::EVENT_PONG then data_of(event)
    when Hawser::EVENT_CLOSE
      [event.code, Hawser.error_name(event.error), event.system,
       *flags(event, "by-peer": Hawser::BY_PEER, clean: Hawser::CLEAN), shown(event.data)]
    else []
    end
  end

  def flags(event, **bits)
    bits.select { |_, bit| event.flags & bit != 0 }.keys
  end

  def data_of(event)
    [event.data.bytesize, shown(event.data)]
  end

  def take_and_print
    event = take
    puts line_of(event)
    event
  end

  def do_event
    take_and_print
  end

  def do_events(name, count)
    left = count.to_i
    while left.positive?
      event = take
      name_of(event.connection)
      left -= 1 if NAMES[event.kind] == name
    end
    puts "#{name} #{count}"
  end

  def do_echo(count)
    left = count.to_i
    while left.positive?
      event = take_and_print
      next unless event.kind == Hawser::EVENT_MESSAGE

      call("send") { @manager.send(event.connection, event.opcode, event.data) }
      left -= 1
    end
  end

  def do_skip(word)
    payload = payload_of(word).b
    event = take until event&.kind == Hawser::EVENT_MESSAGE && event.data.b == payload
    puts line_of(event)
  end

  def do_poll(timeout)
    @batch = @manager.poll(timeout.to_i)
    puts "poll: #{@batch.size}"
  end

  # ---- calls

  # The line that a call prints.
  def outcome(command)
    value = yield
    "#{command}: #{value || (READERS.include?(command) ? "none" : "ok")}"
  rescue Hawser::Error => error
    "#{command}: #{error.name} #{error.code}"
  end

  def call(command, &block)
    puts outcome(command, &block)
  end

  def do_listen
    line = outcome("listen") do
      give_name("l", @manager.listen("#{@url}/", take_options))
      @manager.local_address(@ids["l"])
    end
    puts line.include?("HWS_ERR") ? line : line.sub("listen:", "listening")
  end

  def do_connect(path, count = "1")
    options = take_options
    url = path.include?("://") ? path : @url + path
    call("connect") { Array.new(count.to_i) { name_of(@manager.connect(url, options)) }.last }
  end

  def do_fill(*words)
    line = outcome("fill") { carry_out("send", *words) } until line && line != "fill: ok"
    puts line
  end

  # A command that only calls.
  def carry_out(command, *words)
    case command
    when "send" then @manager.send(id_of(words[0]), kind_of(words[1]), payload_of(words[2]))
    when "part" then @manager.send_part(id_of(words[0]), kind_of(words[1]), payload_of(words[2]), words[3] == "final")
    when "broadcast" then @manager.broadcast(@ids.fetch("l", 0), id_of(words[0]), kind_of(words[1]), payload_of(words[2]))
    when "close" then @manager.close(id_of(words[0]), words[1].to_i, words[2] && payload_of(words[2]))
    when "respond" then @manager.respond(id_of(words[0]), words[1].to_i, take_options, payload_of(words[2]))
    when "accept" then @manager.accept(id_of(words[0]), words[1], take_options)
    when "ping" then @manager.ping(id_of(words[0]), payload_of(words[1]))
    when "tag" then @manager.set_tag(id_of(words[0]), words[1].to_i)
    when "header" then @manager.header(id_of(words[0]), words[1])
    when "stat" then @manager.stat(words[0])
    when "drain" then @manager.drain(words[0].to_i)
    when "wake", "flush" then @manager.public_send(command)
    when "abort", "pause", "resume", "queued", *READERS then @manager.public_send(command, id_of(words[0]))
    else
      warn "driver: unknown command: #{command}"
      exit 2
    end
  end

  def begin_later(command, *words)
    @later = Thread.new do
      sleep 0.05
      outcome(command) { carry_out(command, *words) }
    end
  end

  def end_later
    puts @later.value if @later
    @later = nil
  end
end

$stdout.sync = true
file, role, url, *options = ARGV
driver = Driver.new(url, options.map { |option| option.split("=", 2) })
section = nil
File.foreach(file, chomp: true, encoding: Encoding::UTF_8) do |line|
  case line
  when "client", "server" then section = line
  when "", /\A[#>]/ then next
  else driver.run_line(line) if section == role
  end
end
driver.finish
