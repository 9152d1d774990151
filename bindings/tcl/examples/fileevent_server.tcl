# An echo server on the raw layer, in one event loop with a plain socket, which tells the number of connections to
# whoever connects: fileevent_server.tcl ?ws://127.0.0.1:9001/? ?port?
package require hawser

proc readable manager {
    foreach event [$manager poll 0] {
        dict with event {
            if {$kind != $hawser::EVENT_MESSAGE} continue
            # Its CLOSE may stand further on in the same batch.
            try { $manager send $connection $opcode $data } trap {HAWSER HWS_ERR_CLOSED} {} {}
        }
    }
    $manager flush    ;# saves the event loop one turn
}

proc tell {manager channel address port} {
    puts $channel "[$manager stat connections] connections"
    close $channel
}

lassign [concat $argv [lrange {ws://127.0.0.1:9001/ 0} $argc end]] url port

set options [hawser::Options new]
$options set_int pause_above 65536
set manager [hawser::Manager new $options]
set listener [$manager listen $url]
fileevent [$manager channel] readable [list readable $manager]
set socket [socket -server [list tell $manager] -myaddr 127.0.0.1 $port]

puts "listening on ws://[$manager local_address $listener]/"
puts "and on port [lindex [fconfigure $socket -sockname] 2]"
flush stdout
vwait forever
