/** Where the DHT child begins. What it needs has a native part that not every platform has: without it the child says so and ends. */
try {
  await import('./serve.js');
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.send?.({ kind: 'unavailable', error: reason.slice(0, 500) }, () => process.exit(0));
}

export {};
