# A client that calls back: callback_client.tcl ?ws://127.0.0.1:9001/?
package require hawser

proc received {ws event data} {
    switch $event {
        open { hawser::send $ws text hello }
        text - binary {
            puts $data
            hawser::close $ws 1000 "that was all"
        }
        close { set ::ended [dict get $data text] }
    }
}

set url [expr {$argc ? [lindex $argv 0] : "ws://127.0.0.1:9001/"}]
hawser::connect $url -command received -deflate shared -headers {X-Ship "Ever Given"}
vwait ended
puts $ended
