// Package loop serves many sockets from one goroutine. A Socket is the loop's while it rests: what happens to it is told
// to its Handler, on the loop's goroutine, which must not wait. Whoever takes it out of the loop has it as a net.Conn,
// with reads and writes that wait, and may let it rest again. Going from one to the other costs no system call.
//
// A Loop waits in the runtime's poller like any other goroutine, by the file of its own epoll instance, so that it holds
// no processor while nothing happens. Linux only.
package loop
