/** Which clients of a relay share a tag, and so may learn of each other. */
import { hex } from '../core/bytes.js';

export interface Grouped {
  readonly tags: readonly Uint8Array[];
}

export class Groups<Client extends Grouped> {
  private readonly byTag = new Map<string, Set<Client>>();

  add(client: Client): void {
    for (const tag of client.tags.map(hex)) {
      const group = this.byTag.get(tag) ?? new Set();
      group.add(client);
      this.byTag.set(tag, group);
    }
  }

  remove(client: Client): void {
    for (const tag of client.tags.map(hex)) {
      const group = this.byTag.get(tag);
      group?.delete(client);
      if (group?.size === 0) this.byTag.delete(tag);
    }
  }

  /** Everyone else who shares a tag with `client`, each once. */
  others(client: Client): Client[] {
    const others = new Set(client.tags.flatMap((tag) => [...(this.byTag.get(hex(tag)) ?? [])]));
    others.delete(client);
    return [...others];
  }
}
