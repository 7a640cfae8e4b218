import { Component, type ComponentChildren } from 'preact';

interface Props {
  /** Shown instead of the children when one of them fails to draw. */
  readonly fallback: ComponentChildren;
  readonly children: ComponentChildren;
}

/**
 * An error boundary: contains an error in its children, and tries again the next time it is drawn.
 */
export class Boundary extends Component<Props, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static override getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override componentWillReceiveProps() {
    if (this.state.hasFailed) this.setState({ hasFailed: false });
  }

  override render({ fallback, children }: Props) {
    return this.state.hasFailed ? fallback : children;
  }
}
