// Package observe finds out what requests with a credential of the forge's own did. They pass as they came: what is needed of one
// is copied while it passes, and when the forge has answered it well, the copy goes into a bounded queue. Beside the requests it
// is classified by the same table, and its projects are asked for with its own credential, within a budget. No copy outlives
// that.
package observe
