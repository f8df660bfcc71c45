// Package admin serves what concerns patgate itself and not the forge: health and metrics, on a listener of their own.
package admin
