// Package seal keeps the forge credentials of token owners unreadable in the store: each is sealed with
// XChaCha20-Poly1305 under a key that lives outside the database and its directory. A sealed credential is bound to the forge,
// the owner, the credential's id and the key, so a row that was copied to another place does not open there. Texts seals texts
// for clients, under a key that is derived from the same one. Joint seals what opens only together with a secret that is stored
// nowhere.
package seal
