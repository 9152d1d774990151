package hawser

// Waits tells whether somebody waits to write.
func (c *Conn) Waits() bool {
	c.loop.lock()
	defer c.loop.mutex.Unlock()
	return c.drained != nil
}
