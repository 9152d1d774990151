# Sends every message back, each connection a coroutine: coroutine_server.tcl ?ws://127.0.0.1:9001/?
package require hawser

proc echo ws {
    while 1 {
        lassign [hawser::receive $ws] type data
        hawser::send $ws $type $data
    }
}

set url [expr {$argc ? [lindex $argv 0] : "ws://127.0.0.1:9001/"}]
set server [hawser::serve $url -coroutine echo]
puts "listening on [hawser::url $server]"
flush stdout
vwait forever
