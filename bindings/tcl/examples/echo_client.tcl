# Sends three messages to an echo server and prints what comes back: echo_client.tcl ?ws://127.0.0.1:9001/?
package require hawser

set ws [hawser::connect [expr {$argc ? [lindex $argv 0] : "ws://127.0.0.1:9001/"}]]
foreach text {one two three} {
    hawser::send $ws text $text
    lassign [hawser::receive $ws] type data
    puts $data
}
hawser::close $ws
