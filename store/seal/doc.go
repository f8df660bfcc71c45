// Package seal keeps the forge credentials of token owners unreadable in the store: each is sealed with
// XChaCha20-Poly1305 under a key that lives outside the database and its directory. What is sealed is bound to the
// forge, the owner, the credential and the key, so that a row which was copied to another place does not open there. Texts
// seals what clients are given, under a key that is derived from the same one, and Joint what opens only together with a secret
// that is kept nowhere.
package seal
