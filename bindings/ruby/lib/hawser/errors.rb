# frozen_string_literal: true

module Hawser
  # A call failed.
  #
  # code: the number, one of Hawser::ERR_*, negative. name: "HWS_ERR_STALE" and so on, stable. words: why, in English.
  class Error < StandardError
    attr_reader :code, :words

    def initialize(code, words = Hawser.error_text(code))
      @code = code
      @words = words
      super("#{words} (#{name})")
    end

    def name
      Hawser.error_name(code)
    end
  end

  # What was waited for did not come in time: ERR_TIMEOUT.
  class TimeoutError < Error
    def initialize(words = "nothing came in time")
      super(ERR_TIMEOUT, words)
    end
  end

  # The connection has ended, or was never opened.
  #
  # code: what ended it, ERR_CLOSED after closing handshakes. close_code and reason: the peer's (RFC 6455 7.4); 1005
  # where it gave none, 1006 where no Close frame came. status: the HTTP status of a server that refused the handshake,
  # else 0.
  class ConnectionClosed < Error
    attr_reader :close_code, :reason, :status

    def initialize(event) # :nodoc:
      super(event.error.zero? ? ERR_CLOSED : event.error, event.text)
      @close_code = event.code
      @reason = event.data
      @clean = event.flags & CLEAN != 0
      @status = event.error == ERR_HTTP ? event.system : 0
    end

    # Both Close frames were exchanged.
    def clean?
      @clean
    end

    # RFC 6455 7.4.1: nothing went wrong.
    def quiet?
      [1000, 1001, 1005].include?(close_code)
    end
  end
end
