// Package proof answers questions about grants by trying everything that can make a difference, through policy.Decide alone:
// what a grant never allows, and what one allows that another does not.
//
// Containers are without end: a group covers the projects that are made in it tomorrow. What Decide sees of a container is
// finite all the same. A container matters only by the scopes that reach it, and four things tell which these are: whether a
// scope names it, the nearest group above it that a scope names, whether the owner is a member, and whether it is the owner's.
// The groups above that nearest one are above every container below it, so that whatever lies there, now or later, and is
// not named itself, is reached by the same scopes. One container for each of these cases stands for all: see Representatives.
//
// Where a named container lies is taken from the facts of now. What is not known about it is taken to be whatever makes the
// answer worse. More scopes never turn an allow into a denial, so it is enough to ask about members.
package proof
