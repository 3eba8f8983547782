/* The instance that `create` made, of a node that an entry is called with. */
static inline void *mortar_self(const struct mortar_node *node)
{
    return *(void *const *)node->instance;
}

/* Polls a future once. */
static inline uint8_t mortar_poll(struct mortar_future *future, const struct mortar_waker *waker, void *out)
{
    return future->poll(future->state, waker, out);
}

/* Gives a future up, done or not. */
static inline void mortar_future_drop(struct mortar_future *future)
{
    future->drop(future->state);
}

/* What a library exports. */
const struct mortar_plugin *mortar_plugin_v1(const struct mortar_api *api);

#endif
