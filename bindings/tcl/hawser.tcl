# hawser for Tcl's event loop: connections that call back, or that are waited for. All of an interpreter share one
# manager, whose descriptor the event loop watches. Beneath is the raw layer: hawser::Manager, hawser::Options and
# events, as in hawser.h.

namespace eval hawser {
    # What a connection that is received from may leave unread before its peer is read no further.
    variable most_messages 64
    variable most_bytes [expr {1 << 20}]

    variable manager ""
    variable queue {}        ;# events that were polled, and are still to be dispatched
    variable handler         ;# of connections, by their ids: a command prefix
    variable server          ;# of listeners: a dict of their settings
    variable members         ;# of listeners: a dict whose keys are the open connections
    variable inbox           ;# of connections that are waited for: a list of events and their data
    variable unread          ;# bytes in it
    variable paused
    variable end             ;# how it ended, once it has
    variable waiting         ;# by connections and what for: who waits, coroutines or "" for an event loop
    array set handler {}
    array set server {}
    array set waiting {}

    variable kinds
    array set kinds [list $EVENT_OPEN open $EVENT_MESSAGE message $EVENT_DRAIN drain $EVENT_PONG pong $EVENT_CLOSE close]

    variable option_kinds [dict create]
    variable index  ;# not a global one
    for {set index 0} {$index < [option_count]} {incr index} {
        dict set option_kinds [option_name $index] [option_kind $index]
    }
    unset index
}

# ---- what is called ---------------------------------------------------------------------------------------------------

# hawser::connect url ?-command prefix? ?-option value ...?
# With -command it returns at once; without, it waits until the connection is open.
proc hawser::connect {url args} {
    variable handler
    set prefix [TakeSwitch args -command]
    set ws [WithOptions $args connect $url]
    if {$prefix ne ""} {
        set handler($ws) $prefix
        return $ws
    }
    BeginToKeep $ws
    receive $ws
    return $ws
}

# hawser::serve url -command prefix|-coroutine prefix ?-option value ...?
proc hawser::serve {url args} {
    variable server
    variable members
    set command [TakeSwitch args -command]
    set body [TakeSwitch args -coroutine]
    if {($command eq "") == ($body eq "")} {
        throw {TCL WRONGARGS} "either -command or -coroutine is needed"
    }
    set id [WithOptions $args listen $url]
    set scheme [string range $url 0 [string first : $url]]
    set server($id) [dict create url $scheme//[[manager] local_address $id]/ command $command coroutine $body]
    set members($id) [dict create]
    return $id
}

# The URL of a server, with its real port.
proc hawser::url id {
    variable server
    if {![info exists server($id)]} { throw {HAWSER HWS_ERR_STALE -3} [error_text $hawser::ERR_STALE] }
    dict get $server($id) url
}

# The connections of a server that are open.
proc hawser::connections id {
    variable members
    if {[info exists members($id)]} { dict keys $members($id) }
}

# Sends a message; type is text or binary. When the queue is full ("max_send_queue"), a connection that is waited for
# waits; one with a -command fails with HWS_ERR_WOULD_BLOCK, and `drain` follows.
proc hawser::send {ws type data} { Say $ws send $ws [Opcode $type] $data }

# Sends a ping of up to 125 bytes, likewise. The event `pong` follows.
proc hawser::ping {ws {data ""}} { Say $ws ping $ws $data }

# The next message of a connection without a -command, {text data} or {binary data}, or the answer to a ping, {pong
# data}. Waits for it. {HAWSER CLOSED ...} when none is left.
proc hawser::receive ws {
    variable handler
    variable inbox
    variable unread
    if {[info exists handler($ws)] && $handler($ws) ne "::hawser::Keep"} {
        throw {HAWSER HWS_ERR_STATE -7} "what this connection receives goes to its -command"
    }
    while {[info exists inbox($ws)] && ![llength $inbox($ws)] && ![HasEnded $ws]} { Wait $ws message }
    if {![info exists inbox($ws)] || ![llength $inbox($ws)]} {
        try { Ended $ws } finally { Forget $ws }
    }
    set inbox($ws) [lassign $inbox($ws) message]
    incr unread($ws) -[string length [lindex $message 1]]
    ResumeIfRead $ws
    return $message
}

# Closes a connection. Without a -command, it waits for the end; what was not received is dropped. Or stops a server, and
# closes its connections, by default with 1001, without waiting for them. Does nothing to what has ended.
proc hawser::close {id {code ""} {reason ""}} {
    variable server
    variable members
    variable inbox
    if {[info exists server($id)]} {
        foreach ws [dict keys $members($id)] { Act close $ws [expr {$code eq "" ? 1001 : $code}] $reason }
        unset server($id)
        Act abort $id
        ForgetServer $id
    } else {
        Act close $id [expr {$code eq "" ? 1000 : $code}] $reason
    }
    [manager] flush
    while {[info exists inbox($id)] && ![HasEnded $id]} {
        set inbox($id) {}
        ResumeIfRead $id
        Wait $id message
    }
    Forget $id
}

# Ends the TCP connection at once, unsent bytes and all.
proc hawser::abort ws { Act abort $ws }

# Sends a message to all connections of a server but one, framed once. Returns how many took it; those whose queue is
# full are closed with 1013, or skipped (option -slow_reader).
proc hawser::broadcast {id type data {except 0}} { [manager] broadcast $id $except [Opcode $type] $data }

# What was agreed on; "" where there is nothing to tell, and after the end.
proc hawser::path ws { [manager] path $ws }
proc hawser::subprotocol ws { [manager] subprotocol $ws }
proc hawser::extensions ws { [manager] extensions $ws }
proc hawser::peer_address ws { [manager] peer_address $ws }
proc hawser::header {ws name} { [manager] header $ws $name }

# The manager of this interpreter, for what is not here: it is polled already.
proc hawser::manager {} {
    variable manager
    if {$manager eq ""} {
        set new [Manager new]
        try {
            fileevent [$new channel] readable ::hawser::Readable
        } on error {message report} {
            $new destroy
            return -options $report $message
        }
        set manager $new
    }
    return $manager
}

# ---- arguments and calls ------------------------------------------------------------------------------------------

proc hawser::TakeSwitch {variable switch} {
    upvar 1 $variable settings
    if {[llength $settings] % 2} {
        throw {TCL WRONGARGS} "the value of \"[lindex $settings end]\" is missing"
    }
    if {![dict exists $settings $switch]} return
    set value [dict get $settings $switch]
    set settings [dict remove $settings $switch]
    return $value
}

proc hawser::Opcode type {
    switch -- $type {
        text { return $hawser::TEXT }
        binary { return $hawser::BINARY }
    }
    throw {HAWSER HWS_ERR_OPCODE -12} "bad type \"$type\": must be text or binary"
}

# Calls a method with an options handle at its end, that is made of -option value.
proc hawser::WithOptions {settings args} {
    set options [Options new]
    try {
        # What `ping` waits for, and what `header` reads.
        dict for {switch value} [dict merge {-pongs 1 -keep_handshake 1} $settings] { SetOption $options $switch $value }
        return [[manager] {*}$args $options]
    } finally {
        $options destroy
    }
}

proc hawser::SetOption {options switch value} {
    variable option_kinds
    set name [string range $switch 1 end]
    try {
        if {$switch eq "-headers"} {
            foreach {header text} $value { $options add_header $header $text }
        } elseif {$switch eq "-certificates"} {
            foreach {host chain key} $value { $options add_certificate $host $chain $key }
        } elseif {$switch ni {-requests -parts} && [string match -* $switch] && [dict exists $option_kinds $name]} {
            $options [expr {[dict get $option_kinds $name] == $hawser::OPTION_TEXT ? "set_text" : "set_int"}] $name $value
        } else {
            throw {HAWSER HWS_ERR_OPTION -9} "there is no such option here: docs/reference/options.md lists them"
        }
    } on error {message report} {
        return -options $report "$switch \"$value\": $message"
    }
}

proc hawser::Say {ws args} {
    variable inbox
    while 1 {
        try {
            return [[manager] {*}$args]
        } trap {HAWSER HWS_ERR_WOULD_BLOCK} {message report} {
            if {![info exists inbox($ws)]} { return -options $report $message }
        } trap {HAWSER HWS_ERR_CLOSED} {} {
            Ended $ws
        } trap {HAWSER HWS_ERR_STALE} {} {
            Ended $ws
        }
        Wait $ws drain
    }
}

# That it has ended is no error of whoever wants an end.
proc hawser::Act args {
    try {
        [manager] {*}$args
    } trap {HAWSER HWS_ERR_CLOSED} {} {
    } trap {HAWSER HWS_ERR_STALE} {} {
    }
}

# ---- events -----------------------------------------------------------------------------------------------------------

# Tcl forgets a handler of fileevent that fails.
proc hawser::Readable {} {
    variable manager
    variable queue
    if {[catch { lappend queue {*}[$manager poll 0]; Work } message report]} { Report $message $report }
}

# A callback may enter the event loop again: the events behind its own are then dispatched from there.
proc hawser::Work {} {
    variable manager
    variable queue
    set rest [after 0 ::hawser::Work]
    while {[llength $queue]} {
        set queue [lassign $queue event]
        Dispatch $event
    }
    after cancel $rest
    $manager flush
}

proc hawser::Dispatch event {
    variable handler
    variable kinds
    set ws [dict get $event connection]
    set kind [dict get $event kind]
    if {$kind == $hawser::EVENT_OPEN && [dict get $event listener]} { return [Accept $ws [dict get $event listener]] }
    if {![info exists handler($ws)] || ![info exists kinds($kind)]} return
    switch $kinds($kind) {
        open { Call $ws open "" }
        message { Call $ws [expr {[dict get $event opcode] == $hawser::TEXT ? "text" : "binary"}] [dict get $event data] }
        drain { Call $ws drain [dict get $event code] }
        pong { Call $ws pong [dict get $event data] }
        close { Close $ws $event }
    }
}

proc hawser::Accept {ws id} {
    variable handler
    variable server
    variable members
    if {![info exists server($id)]} { return [Act close $ws 1001] }  ;# it was closed in the same batch
    dict set members($id) $ws ""
    dict with server($id) {}
    if {$coroutine eq ""} {
        set handler($ws) $command
        Call $ws open ""
    } else {
        BeginToKeep $ws
        coroutine ::hawser::Conversation$ws ::hawser::Converse $ws $coroutine
    }
}

proc hawser::Close {ws event} {
    variable handler
    variable members
    dict with event {}
    if {$listener} {
        dict unset members($listener) $ws
        ForgetServer $listener
    }
    set end [dict create code $code reason $data error [error_name $error] system $system \
        clean [expr {($flags & $hawser::CLEAN) != 0}] by_peer [expr {($flags & $hawser::BY_PEER) != 0}] text $text]
    Call $ws close $end
    unset -nocomplain handler($ws)
}

proc hawser::ForgetServer id {
    variable server
    variable members
    if {![info exists server($id)] && ![dict size $members($id)]} { unset members($id) }
}

proc hawser::Call {ws event data} {
    variable handler
    if {[catch { uplevel #0 [list {*}$handler($ws) $ws $event $data] } message report] == 1} { Fail $ws $message $report }
}

# RFC 6455 7.4.1. That the connection itself has ended is nothing that anybody has to be told. `error` takes any string for
# a code, bgerror a list.
proc hawser::Fail {ws message report} {
    if {![string is list [dict get $report -errorcode]]} { dict set report -errorcode NONE }
    if {[lrange [dict get $report -errorcode] 0 2] eq [list HAWSER CLOSED $ws]} return
    Report $message $report
    Act close $ws 1011
}

# To interp bgerror.
proc hawser::Report {message report} { after 0 [list return -options $report $message] }

# ---- connections that are waited for ----------------------------------------------------------------------------------

proc hawser::BeginToKeep ws {
    variable handler
    variable inbox
    variable unread
    variable paused
    set handler($ws) ::hawser::Keep
    set inbox($ws) {}
    set unread($ws) 0
    set paused($ws) 0
}

# Their handler.
proc hawser::Keep {ws event data} {
    variable inbox
    variable unread
    variable end
    switch $event {
        drain { return [Wake $ws drain] }
        close { set end($ws) $data }
        default {
            lappend inbox($ws) [list $event $data]
            incr unread($ws) [string length $data]
            PauseIfFull $ws
        }
    }
    Wake $ws message
    if {$event eq "close"} { Wake $ws drain }
}

proc hawser::PauseIfFull ws {
    variable inbox
    variable unread
    variable paused
    if {$paused($ws) || $unread($ws) <= $hawser::most_bytes && [llength $inbox($ws)] < $hawser::most_messages} return
    set paused($ws) 1
    Act pause $ws
}

# A quarter is left.
proc hawser::ResumeIfRead ws {
    variable inbox
    variable unread
    variable paused
    if {![llength $inbox($ws)]} { set unread($ws) 0 }
    set has_room [expr {$unread($ws) <= $hawser::most_bytes / 4 && [llength $inbox($ws)] <= $hawser::most_messages / 4}]
    if {!$paused($ws) || !$has_room} return
    set paused($ws) 0
    Act resume $ws
}

# A conversation is the coroutine of a connection that a server accepted.
proc hawser::Converse {ws prefix} {
    trace add command [info coroutine] delete [list ::hawser::EndConversation $ws]
    if {[catch { uplevel #0 [list {*}$prefix $ws] } message report] == 1} { Fail $ws $message $report }
}

# The coroutine of a conversation is no more: it has returned, or a script has deleted it.
proc hawser::EndConversation {ws args} { coroutine ::hawser::End$ws ::hawser::close $ws }

# {HAWSER CLOSED ws code reason error system} as soon as it is known how a connection has ended; of one with a -command
# {HAWSER CLOSED ws}.
proc hawser::Ended ws {
    variable inbox
    variable end
    while {[info exists inbox($ws)] && ![HasEnded $ws]} { Wait $ws message }
    if {![HasEnded $ws]} { throw [list HAWSER CLOSED $ws] "the connection has ended" }
    dict with end($ws) {}
    throw [list HAWSER CLOSED $ws $code $reason $error $system] $text
}

proc hawser::HasEnded ws {
    variable end
    info exists end($ws)
}

proc hawser::Forget ws {
    foreach name {inbox unread paused end} {
        variable $name
        unset -nocomplain ${name}($ws)
    }
}

# Waits for Wake, or less. A coroutine lets the event loop run by a yield, all else enters it.
proc hawser::Wait {ws what} {
    variable waiting
    set who [info coroutine]
    if {$who ne ""} {
        set leave [list ::hawser::Leave $ws $what $who]
        lappend waiting($ws,$what) $who
        trace add command $who delete $leave
        try {
            return [yield]
        } trap {TCL COROUTINE CANT_YIELD} {} {  # it has entered an event loop, or is called back by lsort and the like
        } finally {
            trace remove command [info coroutine] delete $leave
            {*}$leave   ;# somebody else may have resumed it
        }
    }
    lappend waiting($ws,$what) ""
    vwait ::hawser::waiting($ws,$what)
}

# A coroutine of this name may be another one by and by.
proc hawser::Leave {ws what who args} {
    variable waiting
    if {![info exists waiting($ws,$what)]} return
    set waiting($ws,$what) [lsearch -all -inline -not -exact $waiting($ws,$what) $who]
}

proc hawser::Wake {ws what} {
    variable waiting
    if {![info exists waiting($ws,$what)]} return
    set all $waiting($ws,$what)
    unset waiting($ws,$what)
    foreach who $all {
        if {[namespace which -command $who] eq ""} continue  ;# an event loop, which has seen it, or gone meanwhile
        if {[catch { $who } message report] == 1} { Fail $ws $message $report }
    }
}
