# frozen_string_literal: true

module Hawser
  # Makes an options handle of keyword arguments: those of docs/reference/options.md, and headers: and certificates:.
  module Settings # :nodoc:
    RAW = %i[requests parts].freeze
    OURS = { pongs: true, keep_handshake: true }.freeze # what pings wait for, and what WebSocket#header reads

    module_function

    def to_options(settings)
      options = Options.new
      settings.transform_keys(&:to_sym).merge(OURS).each { |name, value| set(options, name, value) }
      options
    end

    def set(options, name, value)
      case name
      when *RAW then raise Error.new(ERR_OPTION, "the option #{name} is for Hawser::Manager")
      when :headers then value.each { |header, text| options.add_header(header.to_s, text) }
      when :certificates then value.each { |host, chain, key| options.add_certificate(host, text_of(chain), text_of(key)) }
      else set_named(options, name.to_s, value)
      end
    end

    def set_named(options, name, value)
      case value
      when true, false then options.set_int(name, value ? 1 : 0)
      when Integer then options.set_int(name, value)
      else options.set_text(name, text_of(value) || raise(TypeError, "the option #{name} takes no #{value.class}"))
      end
    rescue Error => error
      raise Error.new(error.code, "#{name}: #{value.inspect}: #{error.words}")
    end

    # Of a String, a Symbol or a Pathname; nil: it is none.
    def text_of(value)
      case value
      when String, Symbol then value.to_s
      else value.respond_to?(:to_path) ? value.to_path : nil
      end
    end
  end
end
