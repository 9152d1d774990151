# The driver of bindings/conformance in Tcl, on the raw layer.

package require hawser

set shown 64
set events {"" OPEN MESSAGE DRAIN CLOSE REQUEST PONG}
set kinds [dict create text $hawser::TEXT binary $hawser::BINARY]
set readers {path status subprotocol extensions header}

set manager ""
set options ""
set batch {}
set ids [dict create l 0]  ;# by their names
set names [dict create]    ;# by their ids
set later ""               ;# the line of a command that was put off; "..." until it has run

# ---- words

proc id_of word {
    if {[dict exists $::ids $word]} { return [dict get $::ids $word] }
    return $word
}

proc name_of id {
    if {![dict exists $::names $id]} { give_name c[dict size $::ids] $id }
    return [dict get $::names $id]
}

proc give_name {name id} {
    dict set ::ids $name $id
    dict set ::names $id $name
}

proc kind_of word { expr {[dict exists $::kinds $word] ? [dict get $::kinds $word] : $word} }

# Bytes.
proc payload_of word {
    if {[regexp {^(\d+)\*(.*)$} $word -> count rest]} { return [string repeat [payload_of $rest] $count] }
    if {$word eq "-"} { return "" }
    if {[string match hex:* $word]} { return [binary decode hex [string range $word 4 end]] }
    return [encoding convertto utf-8 $word]
}

# A string of Tcl holds text alone: a lone surrogate stands for what is none.
proc text_of bytes {
    set text [encoding convertfrom utf-8 $bytes]
    expr {[encoding convertto utf-8 $text] eq $bytes ? $text : "\ud800"}
}

proc message_of {kind word} {
    expr {$kind == $hawser::TEXT ? [text_of [payload_of $word]] : [payload_of $word]}
}

proc is_text event {
    set whole [expr {$hawser::FIRST | $hawser::FINAL}]
    dict with event {
        return [expr {$kind == $hawser::EVENT_CLOSE || $opcode == $hawser::TEXT && ($flags & $whole) == $whole}]
    }
}

proc bytes_of event {
    set data [dict get $event data]
    expr {[is_text $event] ? [encoding convertto utf-8 $data] : $data}
}

proc shown event {
    set bytes [bytes_of $event]
    if {$bytes eq ""} { return - }
    if {[string length $bytes] > $::shown} { return crc32:[format %08x [zlib crc32 $bytes]] }
    if {[is_text $event] && ![regexp {[\x00-\x1f]} $bytes]} { return [dict get $event data] }
    return hex:[binary encode hex $bytes]
}

proc say line {
    puts $line
    flush stdout
}

# ---- options

proc set_option {name value} {
    given_options
    if {[string is wideinteger -strict $value]} {
        $::options set_int $name $value
    } else {
        $::options set_text $name $value
    }
}

proc given_options {} {
    if {$::options eq ""} { set ::options [hawser::Options new] }
    return $::options
}

proc drop_options {} {
    if {$::options ne ""} { $::options destroy }
    set ::options ""
}

# ---- events

# Polls; where a command was put off, by Tcl's own event loop, so that it is run meanwhile.
proc poll timeout {
    if {$::later ne "..."} { return [$::manager poll $timeout] }
    set channel [$::manager channel]
    fileevent $channel readable [list set ::readable 1]
    vwait ::readable
    close $channel
    return [$::manager poll 0]
}

proc take {} {
    while {![llength $::batch]} { set ::batch [poll -1] }
    set ::batch [lassign $::batch event]
    return $event
}

proc flag {flags bit word} { expr {$flags & $bit ? [list $word] : ""} }

proc line_of event {
    dict with event {}
    set name [lindex $::events $kind]
    set words [list [name_of $connection] $name]
    switch $name {
        OPEN { if {$listener} { lappend words l } }
        REQUEST { lappend words l [expr {$flags & $hawser::UPGRADE ? "upgrade" : "http"}] }
        MESSAGE {
            lappend words [expr {$opcode == $hawser::TEXT ? "text" : "binary"}] \
                {*}[flag $flags $hawser::FIRST first] {*}[flag $flags $hawser::FINAL final]
        }
        CLOSE {
            lappend words $code [hawser::error_name $error] $system \
                {*}[flag $flags $hawser::BY_PEER by-peer] {*}[flag $flags $hawser::CLEAN clean]
        }
    }
    if {$name in {MESSAGE PONG}} { lappend words [string length [bytes_of $event]] }
    if {$name in {MESSAGE PONG CLOSE}} { lappend words [shown $event] }
    if {$tag} { lappend words tag $tag }
    return [join $words]
}

proc take_and_print {} {
    set event [take]
    say [line_of $event]
    return $event
}

proc do_event {} { take_and_print }

proc do_events {name count} {
    for {set left $count} {$left > 0} {} {
        set event [take]
        name_of [dict get $event connection]
        if {[lindex $::events [dict get $event kind]] eq $name} { incr left -1 }
    }
    say "$name $count"
}

proc do_echo count {
    while {$count > 0} {
        set event [take_and_print]
        dict with event {
            if {$kind != $hawser::EVENT_MESSAGE} continue
            call send [list $::manager send $connection $opcode $data]
        }
        incr count -1
    }
}

proc do_skip word {
    set payload [payload_of $word]
    while 1 {
        set event [take]
        if {[dict get $event kind] == $hawser::EVENT_MESSAGE && [bytes_of $event] eq $payload} break
    }
    say [line_of $event]
}

proc do_poll timeout {
    set ::batch [poll $timeout]
    say "poll: [llength $::batch]"
}

# ---- calls

# The line that a call prints.
proc outcome {command call} {
    try {
        set value [uplevel #0 $call]
    } trap HAWSER {- report} {
        return "$command: [join [lrange [dict get $report -errorcode] 1 2]]"
    }
    if {$value eq ""} { set value [expr {$command in $::readers ? "none" : "ok"}] }
    return "$command: $value"
}

proc call {command call} { say [outcome $command $call] }

proc listen {} {
    give_name l [$::manager listen $::url/ $::options]
    return [$::manager local_address [id_of l]]
}

proc do_listen {} {
    set line [outcome listen listen]
    drop_options
    say [regsub {^listen: (?!HWS_ERR)} $line "listening "]
}

proc connect {path count} {
    for {} {$count > 0} {incr count -1} {
        set name [name_of [$::manager connect [expr {[string match *://* $path] ? "" : $::url}]$path $::options]]
    }
    return $name
}

proc do_connect {path {count 1}} {
    call connect [list connect $path $count]
    drop_options
}

proc do_accept {id {subprotocol ""}} {
    call accept [list $::manager accept [id_of $id] $subprotocol $::options]
    drop_options
}

proc do_respond {id status word} {
    call respond [list $::manager respond [id_of $id] $status $::options [payload_of $word]]
    drop_options
}

# What is to be called for a command that only calls.
proc call_of {command args} {
    lassign $args first second third fourth
    set m $::manager
    switch $command {
        send - fill { return [list $m send [id_of $first] [kind_of $second] [message_of [kind_of $second] $third]] }
        part { return [list $m send_part [id_of $first] [kind_of $second] [payload_of $third] [expr {$fourth eq "final"}]] }
        broadcast { return [list $m broadcast [id_of l] [id_of $first] [kind_of $second] [message_of [kind_of $second] $third]] }
        close { return [list $m close [id_of $first] $second [text_of [payload_of $third]]] }
        ping { return [list $m ping [id_of $first] [payload_of $second]] }
        tag { return [list $m set_tag [id_of $first] $second] }
        stat - drain { return [list $m $command $first] }
        wake - flush { return [list $m $command] }
        header { return [list $m header [id_of $first] $second] }
        abort - pause - resume - queued - path - status - subprotocol - extensions { return [list $m $command [id_of $first]] }
    }
    puts stderr "driver: unknown command: $command"
    exit 2
}

proc do_fill args {
    set send [call_of fill {*}$args]
    while {[set line [outcome fill $send]] eq "fill: ok"} {}
    say $line
}

# An interpreter and all that is its own belong to one thread: it is done when the event loop gets to it.
proc do_later {command args} {
    set ::later ...
    after 50 [list apply {{command call} { set ::later [outcome $command $call] }} $command [call_of $command {*}$args]]
}

proc end_later {} {
    if {$::later eq ""} return
    if {$::later eq "..."} { vwait ::later }
    say $::later
    set ::later ""
}

# ---- the script

proc run_line line {
    set words [split $line]
    set rest [lassign $words command]
    if {$command in {option add_header}} {
        regexp {^\S+ (\S+) (.*)$} $line -> name value
        set setting [expr {$command eq "option" ? {set_option} : "[given_options] add_header"}]
        return [call $command [list {*}$setting $name $value]]
    }
    if {$::manager eq ""} {
        set ::manager [hawser::Manager new $::options]
        drop_options
    }
    if {$command eq "later"} { return [do_later {*}$rest] }
    if {[info commands do_$command] ne ""} {
        do_$command {*}$rest
    } else {
        call $command [call_of $command {*}$rest]
    }
    end_later
}

proc main {path role url args} {
    set ::url $url
    foreach setting $args {
        regexp {^([^=]*)=(.*)$} $setting -> name value
        set_option $name $value
    }
    set file [open $path]
    fconfigure $file -encoding utf-8
    fconfigure stdout -encoding utf-8
    set section ""
    foreach line [split [read $file] \n] {
        if {$line in {client server}} {
            set section $line
        } elseif {$section eq $role && $line ne "" && [string index $line 0] ni {# >}} {
            run_line $line
        }
    }
    $::manager destroy
}

main {*}$argv
