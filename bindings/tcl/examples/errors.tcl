# Tells why a server can't be reached: errors.tcl ?ws://127.0.0.1:9001/?
package require hawser

set url [expr {$argc ? [lindex $argv 0] : "ws://127.0.0.1:9001/"}]
try {
    set ws [hawser::connect $url]
} trap {HAWSER CLOSED} {words report} {
    lassign [dict get $report -errorcode] - - - code reason error system
    puts "$error: $words"
} trap HAWSER {words report} {
    puts "that can't be tried: $words"
}
