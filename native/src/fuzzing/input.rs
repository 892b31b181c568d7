//! A fuzzer's bytes, read as numbers, choices and byte strings.

pub struct Input<'a>(&'a [u8]);

/// Steps of one story, so that an input can't take for ever.
const MAX_STEPS: usize = 48;

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What's missing at the end is zeros.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let bytes = self.bytes(N);
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub fn long(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// At most `length` bytes: fewer at the end.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A byte string that begins with its length, at most 255 bytes.
    pub fn string(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.bytes(length)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Whether a story goes on after `steps` steps.
    pub fn goes_on(&self, steps: usize) -> bool {
        !self.0.is_empty() && steps < MAX_STEPS
    }
}

/// Overwrites bytes of `target` at places that the input names, at most `most`.
pub fn damage(target: &mut [u8], input: &mut Input, most: usize) {
    for _ in 0..input.below(most + 1) {
        let (at, byte) = (usize::from(input.short()), input.byte());
        let at = at % target.len().max(1);
        if let Some(place) = target.get_mut(at) {
            *place = byte;
        }
    }
}
