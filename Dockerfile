# One image for both programs, chosen by target:
#   docker build --target api -t titan-api .
#   docker build --target worker -t titan-worker .
# Node runs the TypeScript sources as they are, so there is nothing to compile.

FROM node:26-slim AS dependencies
WORKDIR /app
COPY . .
# What the two programs need, without the tools for development and the local demo.
RUN npx --yes pnpm@12 install --frozen-lockfile --prod --filter-prod '@titan/api...' --filter-prod '@titan/worker...'

FROM node:26-slim AS programs
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app ./
USER node

FROM programs AS worker
ENTRYPOINT ["node", "packages/worker/src/cli.ts"]

FROM programs AS api
# Inside the container the API must listen on the container's own address; publish the port with care.
ENV HOST=0.0.0.0 PORT=3000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "packages/api/src/cli.ts"]
