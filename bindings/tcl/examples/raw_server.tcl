# Sends every message back, without Tcl's event loop: raw_server.tcl ?ws://127.0.0.1:9001/?
package require hawser

set options [hawser::Options new]
$options set_int pause_above 65536
set manager [hawser::Manager new $options]
set listener [$manager listen [lindex [concat $argv ws://127.0.0.1:9001/] 0]]
puts "listening on ws://[$manager local_address $listener]/"
flush stdout

while 1 {
    foreach event [$manager poll -1] {    ;# milliseconds; -1: as long as it takes
        dict with event {
            if {$kind != $hawser::EVENT_MESSAGE} continue
            # Its CLOSE may stand further on in the same batch.
            try { $manager send $connection $opcode $data } trap {HAWSER HWS_ERR_CLOSED} {} {}
        }
    }
}
