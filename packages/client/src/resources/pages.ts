/** A page of a list, as every list of the API responds. */
interface Page<Item> {
  readonly data: readonly Item[]
  readonly next_cursor: string | null
}

/** Reads page after page, each when the one before is used up; `read` adds the cursor to its query. */
export async function* entriesOf<Item>(
  read: (cursor: { readonly cursor?: string }) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let page = await read({})
  yield* page.data
  for (let cursor = page.next_cursor; cursor !== null; cursor = page.next_cursor) {
    page = await read({ cursor })
    yield* page.data
    // The same page again and again would never end.
    if (page.next_cursor === cursor) return
  }
}
