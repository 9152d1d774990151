# What the tests share.

package require tcltest
package require hawser
namespace import ::tcltest::test

# A background error that no test expects is a failure.
set background {}
interp bgerror {} [list apply {{message report} { lappend ::background [list $message [dict get $report -errorcode]] }}]

proc take_background {} {
    set errors $::background
    set ::background {}
    return $errors
}

# The words and the code of what a script fails with, or "no error".
proc error_of script {
    if {![catch { uplevel 1 $script } message report]} { return "no error: $message" }
    return [list $message [dict get $report -errorcode]]
}

proc code_of script { lindex [uplevel 1 [list error_of $script]] 1 }

proc descriptors {} { llength [glob -nocomplain -directory /proc/[pid]/fd *] }

# Lets the event loop run until an expression is true; fails after ten seconds.
proc wait_until expression {
    set ::late 0
    set limit [after 10000 { set ::late 1 }]
    while {![uplevel 1 [list expr $expression]]} {
        if {$::late} { error "waited too long for: $expression" }
        after 1 { incr ::ticks }
        vwait ::ticks
    }
    after cancel $limit
}

# tcltest itself leaves with 0.
proc finish {} {
    update
    if {[llength $::background]} { puts "unexpected: $::background" }
    set failed [expr {$::tcltest::numTests(Failed) > 0 || [llength $::background]}]
    ::tcltest::cleanupTests
    exit $failed
}
