// Command bench compares patgate with what people put in front of a forge: nginx as a plain proxy, nginx with
// auth_request, HAProxy and Caddy. It starts an upstream and every peer on loopback, drives them in turn with the same
// requests, and writes one table. docs/performance.md tells what is measured and what was seen.
//
//	go run ./bench            # everything; about 25 minutes
//	go run ./bench -smoke     # a few requests of everything, to see that it works
//	go run ./bench -parts compare,latency -rounds 9
//
// Figures come from the system's accounting of the processes (/proc), so it runs on Linux.
package main
