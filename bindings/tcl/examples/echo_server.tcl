# Sends every message back: echo_server.tcl ?ws://127.0.0.1:9001/?
package require hawser

proc echo {ws event data} {
    if {$event in {text binary}} { hawser::send $ws $event $data }
}

set url [expr {$argc ? [lindex $argv 0] : "ws://127.0.0.1:9001/"}]
set server [hawser::serve $url -command echo -pause_above 65536]
puts "listening on [hawser::url $server]"
flush stdout
vwait forever
