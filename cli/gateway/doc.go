// Package gateway makes, starts and ends everything that patgate serve runs. Nothing else wires its parts.
package gateway
