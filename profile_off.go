//go:build !profile

package main

// profile does nothing in a build without the tag "profile".
func profile() {}
