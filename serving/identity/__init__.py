"""Who a user is: passwords, tokens and permissions. Addresses are in `serving.routers.auth`."""
