/** Writes a small page. The caller escapes what it did not write itself. */
export function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>${title}</title>
  <link rel="icon" href="data:,">
  <style>body { font: 1rem/1.5 system-ui; max-width: 30rem; margin: 3rem auto; padding: 0 1rem }</style>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`
}
