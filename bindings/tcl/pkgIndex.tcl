if {![package vsatisfies [package provide Tcl] 8.6]} return
package ifneeded hawser 0.1.0 [list apply {dir {
    load [file join $dir hawser[info sharedlibextension]] Hawser
    source [file join $dir hawser.tcl]
}} $dir]
