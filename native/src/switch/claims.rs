//! Who may use what: of several peers that record one MAC or address the first has it, and the next follows when it lets go.
use std::collections::HashMap;
use std::hash::Hash;

/// `P` names a peer.
#[derive(Clone)]
pub struct Claims<K, P>(HashMap<K, Claimants<P>>);

#[derive(Clone)]
struct Claimants<P> {
    owner: P,
    /// First come first.
    waiting: Vec<P>,
}

impl<K, P> Default for Claims<K, P> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash, P: Clone + PartialEq> Claims<K, P> {
    /// All that a peer claims from here on. What it claims already keeps its place.
    pub fn set(&mut self, peer: &P, claimed: &[K]) {
        self.release(peer, |key| !claimed.contains(key));
        for key in claimed {
            self.claim(peer, *key);
        }
    }

    pub fn remove(&mut self, peer: &P) {
        self.release(peer, |_| true);
    }

    pub fn owner(&self, key: &K) -> Option<&P> {
        self.0.get(key).map(|claimants| &claimants.owner)
    }

    fn claim(&mut self, peer: &P, key: K) {
        match self.0.get_mut(&key) {
            None => {
                self.0.insert(key, Claimants { owner: peer.clone(), waiting: Vec::new() });
            }
            Some(claimants) if claimants.owner == *peer || claimants.waiting.contains(peer) => {}
            Some(claimants) => claimants.waiting.push(peer.clone()),
        }
    }

    fn release(&mut self, peer: &P, which: impl Fn(&K) -> bool) {
        self.0.retain(|key, claimants| {
            if !which(key) {
                return true;
            }
            claimants.waiting.retain(|waiting| waiting != peer);
            if claimants.owner != *peer {
                return true;
            }
            if claimants.waiting.is_empty() {
                return false;
            }
            claimants.owner = claimants.waiting.remove(0);
            true
        });
    }
}
