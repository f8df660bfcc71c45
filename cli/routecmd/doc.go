// Package routecmd has the commands that look into the route table: patgate routes and patgate permissions.
package routecmd
