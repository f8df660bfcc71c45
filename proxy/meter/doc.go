// Package meter holds requests to the limits of their token: from which network and when they may come, how many there may be
// in a minute, at once and at the forge, how many bytes a day, and how many ever. A token without limits costs it nothing.
//
// A Pass is one request's. What is counted is counted for the token's family and for every family that it comes from, so that a
// token gains nothing by a rotation, nor by tokens that it makes. Counts of a minute, at once and at the forge are a node's own,
// held against its share; bytes are summed up in the store, and uses are counted there one by one.
package meter
