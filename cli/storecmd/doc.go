// Package storecmd has the commands on what the store holds besides tokens: patgate store, patgate key and patgate owner.
package storecmd
