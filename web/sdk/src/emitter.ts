/** Events to one kind of listener, as the interface of version 1 had them. */
export class Emitter<E> {
  private readonly listeners = new Set<(event: E) => void>();

  readonly add = (listener: (event: E) => void): void => void this.listeners.add(listener);
  readonly remove = (listener: (event: E) => void): void => void this.listeners.delete(listener);

  emit(event: E): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event);
      } catch (error) {
        console.error(error); // one listener's fault is not the others' loss
      }
    }
  }
}
